/**
 * Reading and comparing reference values, for the tests of every module. {@link
 * dev.ablation.golden.Golden} is the directory that the system property {@code ablation.golden}
 * names; {@link dev.ablation.golden.TensorFile} one of its files; {@link
 * dev.ablation.golden.Tolerance} how close a computed {@link dev.ablation.golden.Tensor} must come
 * to a stored one; {@link dev.ablation.golden.TensorTests} the tests of a file, one a tensor, and a
 * last one that no tensor was forgotten.
 */
@NullMarked
package dev.ablation.golden;

import org.jspecify.annotations.NullMarked;
