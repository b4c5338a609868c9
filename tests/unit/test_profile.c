/* Device profiles: those that come with the program make sense, and mistakes are named. */
#include "check.h"

#include <longtake/budget.h>
#include <longtake/profile.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void every_profile_makes_sense(void **state)
{
    (void)state;
    static const char *const wanted[] = { "a100-40", "a100-80", "a6000", "b200", "cpu", "h100", "h200", "rtx2080ti", "rtx3060", "rtx3070", "rtx3080", "rtx3090",
                                          "rtx4050", "rtx4060", "rtx4070", "rtx4090" };
    lt_strings names;
    assert_ok(lt_profile_names(&names));
    assert_int_equal(names.n, sizeof wanted / sizeof *wanted);
    for (int i = 0; i < names.n; i++) {
        lt_profile p;
        assert_string_equal(names.item[i], wanted[i]);
        assert_ok(lt_profile_read(names.item[i], &p));
        assert_non_null(p.name);
        assert_non_null(p.memory_source);
        assert_non_null(p.rates_source);
        if (p.device == LT_BACKEND_CUDA) {
            const lt_machine m = lt_profile_machine(&p, LT_ISA_BASE, 1);
            const lt_device_facts f = { .backend = LT_BACKEND_CUDA, .major = m.sm / 10, .minor = m.sm % 10 };
            assert_true(p.memory > p.usable && p.usable > p.overhead);
            assert_true(p.f32 > 0 && p.f16 > p.f32 && p.bandwidth > 0);
            /* Tensor cores of Turing have neither. */
            assert_int_equal(p.bf16 > 0, m.bf16_units);
            assert_int_equal(p.tf32 > 0, m.sm >= 80);
            assert_non_null(p.chip_source);
            assert_non_null(p.usable_source);
            assert_non_null(p.bandwidth_source);
            /* As long as nobody has measured it, a plan counts what a run does. */
            assert_non_null(p.overhead_source);
            if (strstr(p.overhead_source, "estimated")) assert_int_equal(p.overhead, lt_device_overhead(&f));
        }
        lt_profile_free(&p);
    }
    lt_strings_free(&names);
}

static void refused(const char *name, const char *says)
{
    lt_profile p;
    assert_int_equal(lt_profile_read(name, &p), LT_E_USAGE);
    if (!strstr(lt_error_last()->text, says)) fail_msg("'%s' does not say '%s'", lt_error_last()->text, says);
    lt_profile_free(&p);
}

static void unknown_names_get_the_list_and_the_nearest(void **state)
{
    (void)state;
    refused("rtx405", "did you mean 'rtx4050'?");
    refused("rtx405", "a100-40, a100-80, a6000");
    refused("./nowhere.yaml", "there is no file './nowhere.yaml'");
}

static void mistakes_name_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "name: x\nmemroy: 3GiB\n", ":2: there is no setting 'memroy', did you mean 'memory'?" },
        { "device: cuda\nmemory: 3GiB\n", "a GPU needs capability" },
        { "device: cuda\ncapability: 8.0\nmultiprocessors: 4\nmemory: 3GiB\nusable: 4GiB\n", "usable is more than memory" },
        { "device: tpu\n", ":1: device: 'tpu'" },
        { "rates:\n  f16: fast\n", ":2: f16: 'fast'" },
    };
    char path[] = "/tmp/longtake-profile-XXXXXX.yaml";
    const int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(rows[i].text, f);
        fclose(f);
        refused(path, rows[i].says);
    }
    unlink(path);
}

/* What is left out of a file is what the device has. */
static void rates_follow_the_type(void **state)
{
    (void)state;
    lt_profile p;
    assert_ok(lt_profile_read("rtx3080", &p));
    assert_true(lt_profile_rate(&p, LT_F16, false) == 59.5);
    assert_true(lt_profile_rate(&p, LT_F32, false) == 29.8);
    assert_true(lt_profile_rate(&p, LT_F32, true) == p.tf32);
    assert_true(lt_profile_rate(&p, LT_BF16, false) == p.bf16);
    lt_profile_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_makes_sense),
        cmocka_unit_test(unknown_names_get_the_list_and_the_nearest),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(rates_follow_the_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
