package dev.ablation.job.internal;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A type that a file writes as one text: what its {@code toString} returns and its static method
 * {@code parse(String)} takes.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface TextForm {
  /** {@return what the text must be, for the schema} */
  String pattern();
}
