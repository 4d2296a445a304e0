"""A board in one line, for who has no dashboard."""

from desk.core.words import span
from desk.screen.dashboard.parts import UNKNOWN, gain, percent, told
from desk.screen.dashboard.values import Board, HedgeView, LegView, StopView


def status_line(board: Board) -> str:
    """Return state, symbol, profit per leg and in all, leverage, spread, stops, time left."""
    parts = [_standing(board, board.hedge) if board.hedge is not None else _idle(board)]
    for view in board.venues:
        if view.away_since_ms is not None:
            parts.append(f"{view.venue} away {span(board.at_ms - view.away_since_ms)}")
        elif view.down is not None:
            parts.append(f"{view.venue} stream down")
    if board.is_low:
        parts.append("LOW MARGIN")
    if board.move is not None and board.is_low:
        parts.append(f"advice: {board.move}")
    parts += board.restraints
    return f"{board.phase} " + "; ".join(filter(None, parts))


def _idle(board: Board) -> str:
    if board.doubt is not None:
        return f"not known to be flat: {board.doubt}"
    return "; ".join(["nothing of ours is open", *board.steps])


def _standing(board: Board, hedge: HedgeView) -> str:
    now_ms = board.at_ms
    legs = ", ".join(
        f"{leg.side} {leg.venue} {told(leg.price_usd, now_ms, gain).text}" for leg in hedge.legs
    )
    both = told(hedge.price_usd, now_ms, gain).text
    parts = [
        f"{hedge.symbol} {_time(hedge, now_ms)}",
        f"{legs}, both {both}, net {told(hedge.net_usd, now_ms, gain).text} USD",
        f"leverage {' and '.join(_leverage(leg, now_ms) for leg in hedge.legs)}",
        f"spread {told(hedge.apr_now, now_ms, percent).text} APR",
        f"stop {' and '.join(_stop(leg, now_ms) for leg in hedge.legs)}",
    ]
    return "; ".join(parts)


def _time(hedge: HedgeView, now_ms: int) -> str:
    if hedge.close_reason is not None:
        return f"closing: {hedge.close_reason}"
    if hedge.opened_at_ms is None or hedge.review_at_ms is None:
        return f"hold has not begun, time left {UNKNOWN}"
    end = "review" if hedge.renews else "ends"
    return f"held {span(now_ms - hedge.opened_at_ms)}, {end} in {span(hedge.review_at_ms - now_ms)}"


def _leverage(leg: LegView, now_ms: int) -> str:
    return told(leg.leverage, now_ms, lambda value: f"{value.normalize():f}x").text


def _stop(leg: LegView, now_ms: int) -> str:
    def away(view: StopView) -> str:
        return f"{view.away_pct:.1f} % away"

    return told(leg.stop, now_ms, away).text
