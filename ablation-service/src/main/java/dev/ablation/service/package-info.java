/**
 * An example service: an HTTP interface that draws under variants and takes job files, and a page.
 */
@NullMarked
package dev.ablation.service;

import org.jspecify.annotations.NullMarked;
