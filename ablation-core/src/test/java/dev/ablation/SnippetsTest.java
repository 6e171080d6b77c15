package dev.ablation;

/** Runs the examples of the Javadoc. */
class SnippetsTest extends Snippets {}
