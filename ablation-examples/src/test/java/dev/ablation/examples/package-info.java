@NullMarked
package dev.ablation.examples;

import org.jspecify.annotations.NullMarked;
