@NullMarked
package dev.ablation.benchmarks;

import org.jspecify.annotations.NullMarked;
