package dev.ablation.djl;

/** Runs the examples of this module's Javadoc. */
class SnippetsTest extends Snippets {}
