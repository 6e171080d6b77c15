/**
 * What makes a folder of evidence trustworthy: a {@link dev.ablation.job.evidence.Manifest} of the
 * hashes of its files, and an {@link dev.ablation.job.evidence.Envelope} that signs it.
 */
@NullMarked
package dev.ablation.job.evidence;

import org.jspecify.annotations.NullMarked;
