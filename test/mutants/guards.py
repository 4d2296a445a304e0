"""Bugs of what guards a hedge while it is held, and of what keeps costs down: data alone."""

from test.mutants.mutant import Edit, Mutant, mutant

GUARDS: tuple[Mutant, ...] = (
    mutant(
        "triggers on one leg only",
        "a large move closes one leg, and the other stands alone",
        "desk/hedge/guarding.py",
        "if key not in there]\n",
        "if key not in there and key[0] is BOTH[0]]\n",
    ),
    mutant(
        "triggers without take-profits",
        "a stop fires on the leg that loses, and the one that wins stays",
        "desk/hedge/guarding.py",
        "if key not in there]\n",
        "if key not in there and key[1] is OrderKind.STOP]\n",
    ),
    Mutant(
        "triggers at each leg's own marks",
        "a move that ends between two marks closes one leg",
        (
            Edit(
                "desk/hedge/triggers.py",
                "        is_long = hedge.side_at(venue) is PositionSide.LONG\n        marks[",
                "        is_long = hedge.side_at(venue) is PositionSide.LONG\n"
                "        tick = hedge.instruments[venue].price_tick\n"
                "        apart = _entry(hedge, venue) - _entry(hedge, hedge.long_venue)\n"
                "        apart = step_down(apart, tick)\n"
                "        low, high = guard.low + apart, guard.high + apart\n"
                "        marks[",
            ),
            Edit(
                "desk/hedge/triggers.py",
                "STOP] = guard.low if is_long else guard.high\n",
                "STOP] = low if is_long else high\n",
            ),
            Edit(
                "desk/hedge/triggers.py",
                "TAKE_PROFIT] = guard.high if is_long else guard.low\n",
                "TAKE_PROFIT] = high if is_long else low\n",
            ),
        ),
    ),
    mutant(
        "trigger not reduce-only",
        "it fires when the leg is gone, and opens one that nobody watches",
        "desk/hedge/guarding.py",
        "reduce_only=True",
        "reduce_only=False",
    ),
    mutant(
        "stop sent without reduce-only",
        "the same, and the state says that it could not be",
        "desk/sim/sim_words.py",
        "        type=sim.OrderType.STOP_LIMIT,\n        reduce_only=request.reduce_only,\n",
        "        type=sim.OrderType.STOP_LIMIT,\n",
    ),
    Mutant(
        "triggers left after a close",
        "the owner's next position is closed by a stop he knows nothing of",
        (
            Edit(
                "desk/hedge/guarding.py",
                "unasked = tuple(row for row in hedge_of(state).triggers if _is_unasked(row))",
                "unasked = ()",
            ),
            Edit(
                "desk/hedge/guarding.py",
                "    left = [row for row in hedge.triggers if row.may_act]\n",
                "    left = []\n",
            ),
        ),
    ),
    mutant(
        "a cancel is taken for its effect",
        "a cancel is lost, and what it was for closes the owner's next position",
        "desk/hedge/guarding.py",
        "    left = [row for row in hedge.triggers if row.may_act]\n",
        "    left = [row for row in hedge.triggers if _is_unasked(row)]\n",
    ),
    mutant(
        "triggers outsize a leg cut",
        "they close what the owner adds, too",
        "desk/hedge/triggers.py",
        "    is_whole = trigger.size == abs(hedge.held(trigger.venue))\n",
        "    is_whole = True\n",
    ),
    mutant(
        "no stop",
        "a leg loses more than the owner allowed, until the venues' triggers fire",
        "desk/hedge/risk.py",
        "        if view.mark <= price if is_long else view.mark >= price:\n",
        "        if False:\n",
    ),
    mutant(
        "no margin guard",
        "a leg is liquidated, and its twin stands alone",
        "desk/hedge/risk.py",
        "        if left_pct < config.min_margin_distance_pct:\n",
        "        if False:\n",
    ),
    mutant(
        "no back-off",
        "what a venue refuses is tried again and again, and each try costs a round trip",
        "desk/hedge/steps.py",
        "    return replace(state, backoffs={**state.backoffs, symbol: entry})\n",
        "    return state\n",
    ),
    Mutant(
        "a single look is believed",
        "a venue shows an empty list for an instant, and a good hedge is closed",
        (
            Edit("desk/hedge/opening.py", "SUSPICIONS_MAX = 1\n", "SUSPICIONS_MAX = 0\n"),
            Edit("desk/hedge/opening.py", "LAGGING_LOOKS = 8\n", "LAGGING_LOOKS = 0\n"),
        ),
    ),
    mutant(
        "closes with a venue away",
        "one leg is closed while its twin cannot be, and that one stands alone",
        "desk/hedge/closing.py",
        "        if event.failures and not hedge.close_reason.leaves_twin:\n",
        "        if False:\n",
    ),
    Mutant(
        "isolated margin taken",
        "a leg has only its own margin between it and its liquidation",
        (
            Edit(
                "desk/engine/reads.py",
                "    return setting.value == wanted and setting.margin_mode is MarginMode.CROSS\n",
                "    return setting.value == wanted\n",
            ),
            Edit(
                "desk/hedge/searching.py",
                "        if setting.margin_mode is not MarginMode.CROSS:\n",
                "        if False:\n",
            ),
        ),
    ),
)
