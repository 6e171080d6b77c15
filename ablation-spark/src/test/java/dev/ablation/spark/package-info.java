@NullMarked
package dev.ablation.spark;

import org.jspecify.annotations.NullMarked;
