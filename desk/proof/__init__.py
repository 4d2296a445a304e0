"""Proof: the rules of `desk.hedge` judged on markets whose future a perfect trader knows.

Market models and plays with them, float inside; no venue, no clock, no rule of its own: what
decides here is what decides in the bot.
"""
