/** Shared plumbing of this library; not part of its interface, may change without notice. */
@NullMarked
package dev.ablation.internal;

import org.jspecify.annotations.NullMarked;
