/**
 * What the commands of this module and the command line have in common: options, progress bars,
 * memory. Needs picocli and progressbar on the class path, which {@code ablation-cli} brings.
 */
@NullMarked
package dev.ablation.emoji.command;

import org.jspecify.annotations.NullMarked;
