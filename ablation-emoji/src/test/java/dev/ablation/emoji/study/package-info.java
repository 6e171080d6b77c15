/** Tests of the study of methods. */
@NullMarked
package dev.ablation.emoji.study;

import org.jspecify.annotations.NullMarked;
