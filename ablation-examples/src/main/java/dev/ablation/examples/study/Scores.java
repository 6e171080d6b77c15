package dev.ablation.examples.study;

/**
 * Shares of pictures, from 0 to 1, in UnlearnCanvas' terms (Zhang et al. 2024, section 4).
 *
 * @param unlearning UA: of the target's prompts, how many no longer draw the target
 * @param inDomain IRA: of the other prompts, how many draw the style (or thing) of the target's
 *     domain that they name
 * @param crossDomain CRA: of all prompts, how many draw what they name in the other domain
 */
record Scores(double unlearning, double inDomain, double crossDomain) {}
