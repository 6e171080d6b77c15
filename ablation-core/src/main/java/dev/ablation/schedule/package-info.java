/** The noise schedule of a diffusion model: how much noise a sample carries at each timestep. */
@NullMarked
package dev.ablation.schedule;

import org.jspecify.annotations.NullMarked;
