/* report/text.h -- a text that grows, for files written whole.
 *
 * in    pieces
 * out   one block
 * owns  the block, until lt_text_free
 *
 * A failure is remembered, so that pieces need no check; whoever writes the file asks once. */
#ifndef LT_REPORT_TEXT_H
#define LT_REPORT_TEXT_H

#include <longtake/status.h>

#include <stdbool.h>

typedef struct {
    char  *bytes;
    size_t n, size;
    bool   failed;
} lt_text;

void lt_text_add(lt_text *t, const char *format, ...) LT_PRINTF(2, 3);

/* As text or attribute value of HTML and of XML; NULL is empty. Control characters become spaces, bytes that are no UTF-8 the
 * replacement character U+FFFD. The second keeps line ends. */
void lt_text_add_html(lt_text *t, const char *text);
void lt_text_add_html_lines(lt_text *t, const char *text);

/* A path as the target of a link: relative to the page unless it begins with '/', whatever characters it has. */
void lt_text_add_url(lt_text *t, const char *path);

/* As a label's value of OpenMetrics: backslash, quote and line end escaped. */
void lt_text_add_label(lt_text *t, const char *text);

void lt_text_add_base64(lt_text *t, const unsigned char *bytes, size_t n_bytes);

/* Writes `path` whole or not at all. LT_E_MEMORY where a piece was lost. */
LT_NODISCARD lt_status lt_text_write(const lt_text *t, const char *path);

void lt_text_free(lt_text *t);

#endif
