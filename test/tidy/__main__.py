"""Print the figures to aim at: none of these fails anything."""

from test.tidy.rules import FILE_LINES_SOFT_MAX, function_median
from test.tidy.source import python_sources

sources = python_sources()
functions = sum(len(source.functions) for source in sources)
print(f"{len(sources)} files, {functions} functions, median {function_median(sources):g} lines")
for source in sources:
    if len(source.lines) > FILE_LINES_SOFT_MAX:
        print(f"{source.path}: {len(source.lines)} lines, aim for {FILE_LINES_SOFT_MAX}")
