"""The ledger: what the venues booked, matched to our cycles, and what it comes to.

Rows come from the venues (`keeper`), notes on why from the strategy's decisions (`notes`); a thread
of its own writes both (`writer`, `schema`, `entries`). Reading them back (`reading`), the sums
(`cycles`, `statement`) and what is made of them (`export`, `page`) need no running daemon. Nothing
here decides anything, and no fault here may keep the bot from trading.
"""
