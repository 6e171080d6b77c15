/** How records are read from JSON, written to it and described by a schema. */
@NullMarked
package dev.ablation.job.internal;

import org.jspecify.annotations.NullMarked;
