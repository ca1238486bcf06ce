"""The performance table: one figure per line, with its limit and whether it keeps the limit."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    """Prints each figure as it is measured, and remembers those that are over what they are held to."""

    over: list[str] = field(default_factory=list)
    held: int = 0

    def section(self, title: str) -> None:
        """Begin a part of the table."""
        print(f"\n{title}\n  {'':<60} {'measured':>12}   held to", flush=True)

    def figure(
        self, name: str, value: float, form: str, *, of: str = "", most: float | None = None, least: float | None = None
    ) -> None:
        """Print one figure: `form` is how it is written (`{:.2f} ×`), `of` what it is a share of, the rest its limits."""
        held = ""
        if most is not None:
            self.held += 1
            held = f"≤ {form.format(most)}"
            if value > most:
                self.over.append(name)
                held += "  OVER"
        if least is not None:
            self.held += 1
            held = f"≥ {form.format(least)}"
            if value < least:
                self.over.append(name)
                held += "  UNDER"
        print(f"  {name:<60} {form.format(value):>12}   {held:<18} {f'of {of}' if of else ''}".rstrip(), flush=True)

    def words(self, name: str, text: str) -> None:
        """Print what is no number."""
        print(f"  {name:<60} {text:>12}", flush=True)

    def end(self) -> None:
        """Say how many of the figures hold."""
        print(f"\n{self.held - len(self.over)} of {self.held} figures are within what they are held to.")
        for name in self.over:
            print(f"  over: {name.strip()}")
