/* Checks for the programs of this folder: each prints what failed and makes the program exit with 1. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                         \
        do {                                                                                     \
                if (!(condition)) {                                                              \
                        fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);  \
                        exit(1);                                                                 \
                }                                                                                \
        } while (0)

#define CHECK_INT(expression, expected)                                                          \
        do {                                                                                     \
                long check_value = (long)(expression), check_expected = (long)(expected);        \
                if (check_value != check_expected) {                                             \
                        fprintf(stderr, "%s:%d: %s is %ld, not %ld\n", __FILE__, __LINE__,       \
                                #expression, check_value, check_expected);                       \
                        exit(1);                                                                 \
                }                                                                                \
        } while (0)

#define CHECK_TEXT(expression, expected)                                                         \
        do {                                                                                     \
                const char *check_text = (expression), *check_wanted = (expected);               \
                if (check_text == NULL || strcmp(check_text, check_wanted) != 0) {               \
                        fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, \
                                #expression, check_text ? check_text : "NULL", check_wanted);    \
                        exit(1);                                                                 \
                }                                                                                \
        } while (0)

#endif
