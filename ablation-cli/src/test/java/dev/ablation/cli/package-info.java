@NullMarked
package dev.ablation.cli;

import org.jspecify.annotations.NullMarked;
