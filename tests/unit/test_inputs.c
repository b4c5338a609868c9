/* Paths become ids: what results are called, and in which order a job runs. */
#include "check.h"

#include "pipeline/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void id_is(const char *path, int whole, const char *want)
{
    char *id = lt_input_id(path, whole);
    assert_non_null(id);
    assert_string_equal(id, want);
    free(id);
}

static void ids_of_paths(void **state)
{
    (void)state;
    id_is("film.mp4", 0, "film");
    id_is("a/b/film.part.1.mkv", 0, "film.part.1");
    id_is("/x/.hidden", 0, ".hidden");
    id_is("noext", 0, "noext");
    id_is("shots/s01/%05d.png", 0, "s01");
    id_is("a/film.mp4", 1, "a_film");
    id_is("./a/film.mp4", 1, "a_film");
    id_is("/a/film.mp4", 1, "a_film");
    id_is("..", 0, "video");
    id_is("tab\there.mp4", 0, "tab_here");
}

static void a_folder_keeps_its_dots(void **state)
{
    (void)state;
    char dir[] = "/tmp/lt-inputs-XXXXXX", sub[64];
    assert_non_null(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/shot.v2", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    id_is(sub, 0, "shot.v2");
    strcat(sub, "/");
    id_is(sub, 0, "shot.v2");
    rmdir(sub);
    rmdir(dir);
}

static lt_settings settings_of(char **paths, int n, int name_by)
{
    lt_settings s = { .inputs = { paths, n }, .name_by = name_by };
    return s;
}

static void inputs_are_sorted_by_id(void **state)
{
    (void)state;
    char *paths[] = { "z/b.mp4", "a/c.mp4", "y/a.mp4" };
    lt_settings s = settings_of(paths, 3, LT_NAME_BY_STEM);
    lt_inputs in;
    assert_ok(lt_inputs_collect(&s, &in));
    assert_int_equal(in.n, 3);
    assert_string_equal(in.items[0].id, "a");
    assert_string_equal(in.items[2].path, "a/c.mp4");
    assert_int_equal(in.items[0].bytes, 0);
    lt_inputs_free(&in);
}

static void a_stem_twice_is_refused_with_both_names(void **state)
{
    (void)state;
    char *paths[] = { "x/film.mp4", "y/film.mkv" };
    lt_settings s = settings_of(paths, 2, LT_NAME_BY_STEM);
    lt_inputs in;
    assert_int_equal(lt_inputs_collect(&s, &in), LT_E_USAGE);
    assert_non_null(strstr(lt_error_last()->text, "x/film.mp4"));
    assert_non_null(strstr(lt_error_last()->text, "y/film.mkv"));
    s = settings_of(paths, 2, LT_NAME_BY_PATH);
    assert_ok(lt_inputs_collect(&s, &in));
    assert_string_equal(in.items[1].id, "y_film");
    lt_inputs_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_paths),
        cmocka_unit_test(a_folder_keeps_its_dots),
        cmocka_unit_test(inputs_are_sorted_by_id),
        cmocka_unit_test(a_stem_twice_is_refused_with_both_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
