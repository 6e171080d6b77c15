@NullMarked
package dev.ablation.testkit;

import org.jspecify.annotations.NullMarked;
