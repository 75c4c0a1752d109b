"""The panel of models that opens over the page: what there is, what fits this computer, fetching and removing, memory.

What is shown is made here as HTML; assets/script/models.js puts it into the dialog, filters it, and says what was clicked.
"""

from __future__ import annotations

from playground.panel.wire import build

__all__ = ["build"]
