/** Says what is wrong with the native libraries: {@link dev.ablation.djl.doctor.NativeDoctor}. */
@NullMarked
package dev.ablation.djl.doctor;

import org.jspecify.annotations.NullMarked;
