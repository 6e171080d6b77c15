/** The rules of the house, as ArchUnit rules that every module's tests run on its own classes. */
@NullMarked
package dev.ablation.archunit;

import org.jspecify.annotations.NullMarked;
