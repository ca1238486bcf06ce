"""Simulate reports on seeds. `python -m tests.bench.statistics` prints the tables of `docs/statistics.md`."""

from __future__ import annotations

from tests.support.seed_reports import CHOICES, COUNTS, Figures, Setting, all_of, chosen, gains, paired, spreads, unpaired


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
    by_setting: dict[str, dict[str, Figures]] = {}
    for setting, figures in all_of(chosen()):
        by_setting.setdefault(_name(setting), {})[setting.choice.text] = figures
    print("\n| noise, counts | best of " + " | best of ".join(choice.text for choice in CHOICES) + " |")
    print("| --- |" + " ---: |" * len(CHOICES))
    for name, row in by_setting.items():
        cells = (f"{row[each.text].false:.1%} · {row[each.text].coverage:.1%}".replace("%", " %") for each in CHOICES)
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n| counts | same seeds | gain | found | by Welch | ratio |\n| --- | --- | ---: | ---: | ---: | ---: |")
    for setting, figures in all_of(gains()):
        same = "no" if setting.by_seed is None else f"correlation {setting.by_seed}"
        found = f"{figures.power:.1%} | {figures.welch:.1%} | {figures.power / figures.welch:.2f}"
        print(f"| {setting.counts} | {same} | {setting.gain:.2f} | {found} |")
    print("\n| counts | spread | false claims | coverage |\n| --- | ---: | ---: | ---: |")
    for setting, figures in all_of(spreads()):
        print(f"| {setting.counts} | {setting.spread:g} : 1 | {figures.false:.1%} | {figures.coverage:.1%} |")


def _name(setting: Setting) -> str:
    parts = [setting.noise, setting.counts]
    if setting.by_seed is not None:
        parts.append(f"the same seeds (correlation {setting.by_seed:g})")
    if setting.metrics > 1:
        parts.append(f"{setting.metrics} metrics" + (f" (correlated, {setting.together:g})" if setting.together else ""))
    return ", ".join(parts)


if __name__ == "__main__":
    main()
