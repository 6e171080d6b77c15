/** What can go wrong that a caller can act on; every leaf carries its data. */
@NullMarked
package dev.ablation.error;

import org.jspecify.annotations.NullMarked;
