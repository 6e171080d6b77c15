@NullMarked
package dev.ablation.emoji;

import org.jspecify.annotations.NullMarked;
