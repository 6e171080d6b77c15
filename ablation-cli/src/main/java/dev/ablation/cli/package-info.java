/**
 * The command line. {@link dev.ablation.cli.Ablate} removes a concept from the embedded model of
 * emoji or from a checkpoint of your own, and draws the same images before and after.
 */
@NullMarked
package dev.ablation.cli;

import org.jspecify.annotations.NullMarked;
