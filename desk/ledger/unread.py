"""What was never read of the venues' lists: missing, and never counted as nothing."""

from collections.abc import Iterable

from desk.ledger.rows import Book, RowKind, Span


def unread(
    spans: Iterable[Span],
    books: Iterable[Book],
    kinds: Iterable[RowKind],
    between: tuple[int, int],
) -> tuple[Span, ...]:
    """Return the stretches between two instants that no span covers, by book and list."""
    known = sorted(spans)
    wanted = list(kinds)
    return tuple(
        gap for book in books for kind in wanted for gap in _gaps(known, book, kind, between)
    )


def _gaps(
    spans: list[Span], book: Book, kind: RowKind, between: tuple[int, int]
) -> list[Span]:
    start_ms, end_ms = between
    gaps: list[Span] = []
    for span in spans:
        if (span.book, span.kind) != (book, kind) or span.until_ms < start_ms:
            continue
        if span.from_ms > start_ms:
            gaps.append(Span(book, kind, start_ms, min(span.from_ms, end_ms)))
        start_ms = max(start_ms, span.until_ms)
        if start_ms >= end_ms:
            return gaps
    return [*gaps, Span(book, kind, start_ms, end_ms)]
