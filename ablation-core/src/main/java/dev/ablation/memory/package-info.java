/**
 * How much memory work takes: of the process, the engine's outside the Java heap included, or of a
 * device.
 */
@NullMarked
package dev.ablation.memory;

import org.jspecify.annotations.NullMarked;
