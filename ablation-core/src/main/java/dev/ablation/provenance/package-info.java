/**
 * Where a delta comes from: settings, seed, library version and the base model's hashes. Every file
 * that a run writes keeps them in its header.
 */
@NullMarked
package dev.ablation.provenance;

import org.jspecify.annotations.NullMarked;
