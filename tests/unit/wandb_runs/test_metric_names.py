"""Directions by names: every common name is right, or undecided where its words leave it open."""

from __future__ import annotations

import pytest

from mlops_actions.wandb_runs.metrics.names import infer_direction

HIGHER = """
acc accuracy val_acc valAccuracy test_accuracy eval/top1 top5 top_1_accuracy top-5-acc acc@1 acc1 train/epoch_acc
balanced_accuracy mean_per_class_accuracy worst_group_accuracy best_val_acc max_accuracy metrics/accuracy_top1 mAP
mAP@0.5 mAP50-95 metrics/mAP50-95(B) ap AP50 average_precision mean_average_precision AUROC auc roc_auc PR-AUC auprc
valAUC f1 F1 macro_f1 f1_score f1_micro f2 precision recall recall@5 recall_10 recall_at_precision_0.9 sensitivity
specificity tpr tpr@fpr=0.01 true_positive_rate mIoU mean_iou iou dice dice_score jaccard mcc matthews_correlation
cohen_kappa_score r2 R2 r2_score explained_variance pearson spearmanr log_likelihood bleu bleu4 sacreBLEU rouge1 rouge-2
rougeL rougeLsum meteor chrF chrF++ bertscore exact_match pass@1 pass@10 hits@10 hit_rate hit_rate@5 mrr MRR@10 nDCG@10
ndcg_cut_10 map map@100 win_rate success_rate psnr PSNR ssim ms_ssim clip_score inception_score SI-SDR pesq stoi
silhouette_score ari nmi reward mean_reward rollout/episode_reward return episode_return throughput tokens_per_second
train_tokens_per_second tokens_per_second_per_gpu train_samples_per_second eval_steps_per_second images_per_sec mfu
rewards/accuracies vmaf VMAF gAUC comet lDDT plddt tm_score triplet_accuracy coco/bbox_mAP retain_accuracy fraud_recall
rollout/ep_return_mean charts/episodic_return humaneval_pass@1 mean_pearson
""".split()  # noqa: SIM905 - a table of names reads better than a list of texts

LOWER = """
loss val_loss val/loss loss/train Loss/validation train_loss_step val_loss_epoch loss_ema total_loss MSELoss dice_loss
log_loss nll_loss error val_error error_rate top1_error errors mse MSE rmse RMSLE mae mape smape mean_squared_error
mean_absolute_percentage_error nll negative_log_likelihood cross_entropy perplexity val/perplexity ppl bpc bits_per_byte
bits_per_dim wer cer word_error_rate eer false_positive_rate fpr FPR@95TPR fpr95 fnr false_negatives ece ECE
expected_calibration_error brier brier_score FID fid_score kid fvd lpips LPIPS hausdorff_distance hd95 chamfer_distance
ADE fde mpjpe regret latency latency_ms latency_p99_ms p50_latency E2E_latency runtime _runtime eval_runtime
train_runtime training_time inference_time time_to_first_token ttft seconds_per_step ms_per_token cost cost_usd
ade20k/loss gpu_hours total_gpu_hours energy_kwh niqe brisque CRPS edit_distance pinball_loss mean_absolute_error
mean_relative_error rotation_error translation_error packet_loss fraud_loss word_perplexity
""".split()  # noqa: SIM905

# The words leave it open, or turn the meaning round.
UNDECIDED = """
epoch step global_step lr learning_rate train/learning_rate grad_norm train/grad_norm weight_decay momentum batch_size
memory peak_memory_gb gpu_memory_utilization params num_parameters flops kl kl_divergence entropy temperature score
z_score quality_score toxicity_score risk_score anomaly_score latency_score toxicity time wall_time uptime survival_time
duration episode_length fps FPS answer thing x accuracy_loss accuracy_drop accuracy_gap accuracy_std std_accuracy
acc_stderr accuracy/imagenet target_accuracy baseline_accuracy chance_accuracy attack_accuracy attack_success_rate
membership/auc inverse_accuracy -loss 1-ssim one_minus_auc neg_mean_squared_error negative_loss loss_scale loss_weight
weight_loss loss_ratio loss_improvement error_count num_errors error_reduction d_loss g_loss gan/fake_acc
discriminator_loss policy_loss value_loss entropy_loss best_val_loss_epoch best_acc_step epochs_to_accuracy
time_to_accuracy samples_until_loss tokens_per_cost return_code recall_threshold precision_bits mixed_precision
feature_map map_size grad_acc cost_saving saved_cost remaining_gpu_hours profit_loss win_loss rewards/chosen
rewards/margins forget_accuracy forgetting_accuracy unlearned_accuracy unsafe_pass_rate harmful_win_rate toxicity_auc
refusal_accuracy opponent_win_rate opponent_reward victim_reward rejected_reward false_success_rate false_accept_accuracy
teacher_loss reference_bleu human_win_rate proxy_reward majority_acc untrained_accuracy leaked_accuracy inverted_acc
wrong_acc failure_recall cheating_accuracy stale_precision lr_precision fp16_precision bf16_precision decimal_precision
position_map label_map depth_map nms_iou spurious_recall random_f1 f1/loss coverage support samples tokens loss_fn
准确率 _timestamp self_bleu mean_error avg_error val_mean_error F1-all kitti-f1 flow/f1 expert_return codebook_perplexity
trigger_accuracy trojan_success_rate gpt4_win_rate claude_win_rate rival_reward prompt_sensitivity seed_sensitivity
joint_acc dof_acc imu_acc class_activation_map color_map site_map spoofing_success_rate demo_reward
""".split()  # noqa: SIM905

NAMES = [*((name, "max") for name in HIGHER), *((name, "min") for name in LOWER), *((name, "") for name in UNDECIDED)]


@pytest.mark.parametrize(("name", "direction"), NAMES, ids=[name for name, _ in NAMES])
def test_a_name_is_right_or_undecided(name: str, direction: str) -> None:
    assert infer_direction(name) == direction


def test_there_are_enough_names_and_none_twice() -> None:
    assert len({name for name, _ in NAMES}) == len(NAMES)
    assert len(HIGHER) + len(LOWER) >= 120


@pytest.mark.parametrize("name", ["", " ", "@", "at", "/", "-", "_", "123", "a" * 100_000, "loss_" * 20_000, "_" * 100_000])
def test_odd_names_are_undecided_or_read_at_once(name: str) -> None:
    assert infer_direction(name) in ("", "min")
