/**
 * One description of the work: what to remove from which model, how, within which limits, and what
 * the result must show. Start at {@link dev.ablation.job.AblationJob}; {@link
 * dev.ablation.job.JobRun} does the work in a folder.
 */
@NullMarked
package dev.ablation.job;

import org.jspecify.annotations.NullMarked;
