/** Shared internals of this library; not part of the public API, may change without notice. */
@NullMarked
package dev.ablation.internal;

import org.jspecify.annotations.NullMarked;
