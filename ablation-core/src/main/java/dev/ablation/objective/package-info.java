/**
 * The loss that training minimises. An {@link dev.ablation.objective.AblationObjective} compares
 * what the network predicts for the target prompt with what its {@link
 * dev.ablation.objective.Teacher} predicts for the anchor prompt (Kumari et al. 2023, equation 4),
 * or with the noise (equation 5).
 */
@NullMarked
package dev.ablation.objective;

import org.jspecify.annotations.NullMarked;
