"""Which values are better, by a metric's name alone; undecided where the name leaves it open.

A wrong guess is worse than none. A name ends with what it measures (`val_loss`), and a few words may follow that change
nothing (`val_loss_epoch`). Any other last word makes the name undecided, since it can turn the meaning round
(`accuracy_drop`, `loss_weight`). The words before name a split, a data set or a class and are free, apart from those that
take the meaning away (`attack_accuracy`, `std_loss`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MIN, MAX = "min", "max"

# What a name measures: words that stand side by side, in lower case, digits apart from letters; `@` is the `@` of `pass@10`.
_LOWER_IS_BETTER = """
loss, losses, error, errors, err, logloss, nll, negative log likelihood, cross entropy, crossentropy, xent, bce
mse, rmse, mae, mape, smape, wape, wmape, msle, rmsle, nrmse, medae, rmsd, mase, abs rel, sq rel
dice loss, iou loss, giou loss, diou loss, ciou loss, reward loss, top 1 error, top 5 error, top 1 err, top 5 err
perplexity, ppl, bpc, bpb, bpd, bits per character, bits per char, bits per byte, bits per dim
wer, cer, eer, error rate, misclassification rate
false positive rate, false negative rate, false alarm rate, false discovery rate, miss rate, fpr, fnr
false positives, false negatives, ece, mce, brier, brier score, fid, fid score, kid, fvd, lpips
hausdorff, hausdorff distance, hd 95, chamfer distance, mpjpe, ade, fde, davies bouldin, regret
niqe, brisque, crps, edit distance, levenshtein distance
latency, runtime, ttft, tpot, time to first token, training time, train time, inference time, eval time, fit time, step time
batch time, response time, seconds per step, seconds per iteration, ms per token, ms per step, ms per batch
cost, costs, gpu hours, gpu seconds, energy kwh, carbon emissions
"""
_HIGHER_IS_BETTER = """
acc, accuracy, accuracies, auc, auroc, auprc, aupr, average precision, f 1, f 2, f beta, f measure
precision, recall, sensitivity, specificity, tpr, tnr, true positive rate, true negative rate
map, ap, ndcg, dcg, mrr, mean reciprocal rank, hits, hits @, hit @, pass @, r @, p @, hit rate, hit ratio
exact match, pass rate, win rate, success rate, solve rate, top 1, top 5, top 10, r 2, explained variance
iou, miou, giou, dice, jaccard, dsc, mcc, matthews, matthews correlation, matthews corrcoef
cohen kappa, cohens kappa, weighted kappa, qwk, pearson, pearsonr, spearman, spearmanr, log likelihood, loglikelihood
bleu, sacrebleu, bleurt, rouge, rouge l, rouge lsum, meteor, chrf, bertscore, cider, spice
vmaf, gauc, comet, lddt, plddt, tm score, psnr, ssim, clip score, clipscore, inception score, sdr, sisdr, pesq, stoi
silhouette, ari, nmi, ami, adjusted rand, calinski harabasz, v measure, mota, idf 1, hota, pck
reward, rewards, return, returns, throughput, mfu, speedup
tokens per second, tokens per sec, samples per second, samples per sec, steps per second, steps per sec, images per second
images per sec, examples per second, frames per second, iterations per second, requests per second, queries per second
"""

# Words behind what a name measures that change nothing about it; a number is such a word too (`acc_1`, `latency_p99`).
_HARMLESS_WORDS = """
train training val valid validation dev test testing eval evaluation holdout epoch step batch iter iteration
mean avg average median macro micro weighted overall total final last best ema smoothed all per gpu device
score ms sec secs second seconds us usd percent pct cut k b m @
"""
# Words that take the meaning away before what a name measures: a spread, a size, a target, a saving, another player's side.
_MISLEADING_WORDS = """
std stdev var variance sem ci delta diff difference gap drop change ratio weight weights num number count n inverse neg
negative minus non no anti target goal baseline chance random dummy shuffled permuted null threshold limit allowed budget
available remaining saved saving noise attack attacker adversarial adv adversary backdoor poison membership mia inversion
leak leakage privacy forget jailbreak injection hack exploit spurious shortcut bias biased anomaly novelty
discriminator disc generator gen d g gan fake real domain critic actor policy value vf pg entropy kl grad gradient
mixed half float numeric feature attention hash heat stop standard early to until above below under over
tolerated required desired profit win memorization memorisation bypass evasion fooling
forgetting forgotten unlearn unlearned unlearning unsafe harm harmful toxic toxicity refusal refused rejected reject
false opponent opp enemy victim teacher reference ref human oracle proxy majority naive untrained leaked inverted wrong
incorrect failure failed cheat cheating stale lr bit bits fp bf decimal nms conf position positional label token
saliency depth world activation colour color site
self expert demo codebook kitti flow trigger trojan phishing spoof spoofing impersonation extraction competitor rival
gpt claude prompt input seed hyperparameter hparam dof joint imu
"""
# A signed error is best at zero; `F1-all` is the share of outliers of an optical flow.
_UNDECIDED = "mean error, avg error, average error, f 1 all"
_HARMLESS, _MISLEADING = frozenset(_HARMLESS_WORDS.split()), frozenset(_MISLEADING_WORDS.split())
# `val_loss_epoch` is a loss, but `best_val_loss_epoch` is the number of an epoch.
_COUNTERS = frozenset({"epoch", "step", "batch", "iter", "iteration"})
_EXTREMES = frozenset({"best", "last", "final", "min", "max"})
# A score of something bad may be high where little of it is left (`latency_score`).
_SCORE = "score"


def _phrases(text: str, direction: str) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split()): direction for phrase in re.split(r"[,\n]", text) if phrase.strip()}


_DIRECTIONS: Mapping[tuple[str, ...], str] = {
    **_phrases(_LOWER_IS_BETTER, MIN),
    **_phrases(_HIGHER_IS_BETTER, MAX),
    **_phrases(_UNDECIDED, ""),
}
_LONGEST = max(map(len, _DIRECTIONS))
_VOCABULARY = frozenset(word for phrase in _DIRECTIONS for word in phrase) | _HARMLESS | _MISLEADING


def infer_direction(name: str) -> str:
    """Return `min` or `max` by the words of a name; empty where they leave it open."""
    # `-loss`, `1-ssim`: turned round.
    if re.match(r"\s*(1\s*)?[-\u2212]", name):
        return ""
    words = _words(name)
    for end in range(len(words), 0, -1):
        found = _measured(words[:end])
        if found:
            start, direction = found
            return direction if _is_plain(words[:start], words[end:], direction) else ""
        if not _is_harmless(words[end - 1]):
            return ""
    return ""


def _words(name: str) -> list[str]:
    """Split a name into lower-case words, up to the condition of `tpr@fpr=0.01` and `recall_at_precision_90`."""
    words: list[str] = []
    for chunk in re.findall(r"@|[pP][0-9]+(?![A-Za-z0-9])|[^\W\d_]+|[0-9]+", name):
        # As one word first: `mAP`, `chrF` and `nDCG` are no camel case.
        known = chunk.lower() in _VOCABULARY or chunk[-1].isdigit()
        parts = [chunk] if known else re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\W", chunk) or [chunk]
        words += [part.lower() for part in parts]
    for index, word in enumerate(words):
        if word in ("@", "at"):
            return [*words[:index], "@"]
    return words


def _measured(words: Sequence[str]) -> tuple[int, str] | None:
    """Return where the longest phrase at the end of some words starts, and its direction (empty: either)."""
    for start in range(max(0, len(words) - _LONGEST), len(words)):
        phrase = tuple(words[start:])
        if phrase in _DIRECTIONS:
            return start, _DIRECTIONS[phrase]
    return None


def _is_plain(before: Sequence[str], after: Sequence[str], direction: str) -> bool:
    """Return whether nothing around what a name measures can change which values are better."""
    if _MISLEADING.intersection(before) or before[-1:] == ["per"] or (direction == MIN and _SCORE in after):
        return False
    if _COUNTERS.intersection(after) and _EXTREMES.intersection([*before, *after]):
        return False
    # Another measure of the opposite direction: `accuracy_loss`.
    found = (_measured(before[:end]) for end in range(1, len(before) + 1))
    return all(measured is None or measured[1] == direction for measured in found)


def _is_harmless(word: str) -> bool:
    return word in _HARMLESS or word[-1].isdigit()
