package dev.ablation.djl;

/** Runs the examples of the Javadoc. */
class SnippetsTest extends Snippets {}
