/**
 * Where a delta comes from: settings, seed, library version and the base model's hashes, kept in
 * the header of every file that a run writes.
 */
@NullMarked
package dev.ablation.provenance;

import org.jspecify.annotations.NullMarked;
