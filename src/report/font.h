/* report/font.h -- the dots of a character.
 *
 * in    a character
 * out   up to nine rows of five dots, '#' or '.', parted by spaces; rows left out are empty
 * owns  the table */
#ifndef LT_REPORT_FONT_H
#define LT_REPORT_FONT_H

const char *lt_glyph(unsigned char c);

#endif
