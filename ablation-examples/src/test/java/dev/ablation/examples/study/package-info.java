/** Tests of the study of methods. */
@NullMarked
package dev.ablation.examples.study;

import org.jspecify.annotations.NullMarked;
