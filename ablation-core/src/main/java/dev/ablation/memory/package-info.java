/**
 * The memory that work needs: of the process, including the engine's memory outside the Java heap,
 * or of a device.
 */
@NullMarked
package dev.ablation.memory;

import org.jspecify.annotations.NullMarked;
