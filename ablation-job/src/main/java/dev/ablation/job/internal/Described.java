package dev.ablation.job.internal;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** What a record component means in a JSON file: for its reader, its schema and its table. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Described {
  /** {@return the description, one sentence or two, with the default} */
  String value();

  /** {@return whether a file must have it} */
  boolean required() default false;

  /** {@return whether a number must be greater than zero} */
  boolean positive() default false;

  /** {@return whether one element of a list may stand in place of the list} */
  boolean alone() default false;

  /** {@return the only texts that are allowed; empty for any} */
  String[] oneOf() default {};
}
