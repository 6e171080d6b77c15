/** Errors that a caller can act on. Each exception carries its data as fields. */
@NullMarked
package dev.ablation.error;

import org.jspecify.annotations.NullMarked;
