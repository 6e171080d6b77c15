@NullMarked
package dev.ablation.job;

import org.jspecify.annotations.NullMarked;
