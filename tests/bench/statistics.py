"""Simulate reports on seeds. `python -m tests.bench.statistics` prints the tables of `docs/statistics.md`."""

from __future__ import annotations

from tests.support.seed_reports import COUNTS, Figures, all_of, gains, paired, spreads, unpaired


def main() -> None:
    """Print the tables of `docs/statistics.md`."""
    by_noise: dict[str, dict[str, Figures]] = {}
    for setting, figures in all_of(unpaired()):
        name = f"{setting.noise}, metrics correlated ({setting.together:g})" if setting.together else setting.noise
        by_noise.setdefault(name, {})[setting.counts] = figures
    counts = [f"{first} v {second}" for first, second in COUNTS]
    print("| noise | " + " | ".join(counts) + " |\n| --- |" + " ---: |" * len(counts))
    for name, row in by_noise.items():
        cells = (f"{row[each].false:.1%} · {row[each].coverage:.1%}".replace("%", " %") for each in counts)
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n| same seeds | correlation | false claims | coverage |\n| --- | ---: | ---: | ---: |")
    for setting, figures in all_of(paired()):
        print(f"| {setting.noise}, {setting.counts} | {setting.by_seed} | {figures.false:.1%} | {figures.coverage:.1%} |")
    print("\n| counts | same seeds | gain | found | by Welch | ratio |\n| --- | --- | ---: | ---: | ---: | ---: |")
    for setting, figures in all_of(gains()):
        same = "no" if setting.by_seed is None else f"correlation {setting.by_seed}"
        found = f"{figures.power:.1%} | {figures.welch:.1%} | {figures.power / figures.welch:.2f}"
        print(f"| {setting.counts} | {same} | {setting.gain:.2f} | {found} |")
    print("\n| counts | spread | false claims | coverage |\n| --- | ---: | ---: | ---: |")
    for setting, figures in all_of(spreads()):
        print(f"| {setting.counts} | {setting.spread:g} : 1 | {figures.false:.1%} | {figures.coverage:.1%} |")


if __name__ == "__main__":
    main()
