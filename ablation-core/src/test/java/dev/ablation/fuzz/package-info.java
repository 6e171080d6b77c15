/** Damaged files for every reader: see {@link dev.ablation.fuzz.ReaderFuzz}. */
@NullMarked
package dev.ablation.fuzz;

import org.jspecify.annotations.NullMarked;
