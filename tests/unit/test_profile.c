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

static void same_text(const char *a, const char *b)
{
    if (!a || !b) assert_ptr_equal(a, b);
    else assert_string_equal(a, b);
}

static void same(const lt_profile *a, const lt_profile *b)
{
    same_text(a->name, b->name);
    assert_int_equal(a->device, b->device);
    assert_true(a->capability == b->capability);
    assert_int_equal(a->multiprocessors, b->multiprocessors);
    assert_true(a->memory == b->memory && a->usable == b->usable && a->overhead == b->overhead);
    assert_true(a->f32 == b->f32 && a->tf32 == b->tf32 && a->f16 == b->f16 && a->bf16 == b->bf16 && a->bandwidth == b->bandwidth);
    same_text(a->chip_source, b->chip_source);
    same_text(a->memory_source, b->memory_source);
    same_text(a->usable_source, b->usable_source);
    same_text(a->overhead_source, b->overhead_source);
    same_text(a->rates_source, b->rates_source);
    same_text(a->bandwidth_source, b->bandwidth_source);
}

static void writes_and_reads(const lt_profile *p, const char *path)
{
    lt_profile back;
    char *one = NULL, *two = NULL;
    assert_ok(lt_profile_write(p, path));
    assert_ok(lt_profile_read(path, &back));
    same(p, &back);
    assert_ok(lt_profile_text(p, &one));
    assert_ok(lt_profile_text(&back, &two));
    assert_string_equal(one, two);
    free(one);
    free(two);
    lt_profile_free(&back);
}

/* Sizes that are no whole number of any unit, rates of all digits, and what YAML takes for something else. */
static void what_is_written_reads_back_to_the_bit(void **state)
{
    (void)state;
    char path[] = "/tmp/longtake-profile-XXXXXX.yaml";
    const int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    close(fd);
    lt_strings names;
    assert_ok(lt_profile_names(&names));
    for (int i = 0; i < names.n; i++) {
        lt_profile p;
        assert_ok(lt_profile_read(names.item[i], &p));
        writes_and_reads(&p, path);
        lt_profile_free(&p);
    }
    lt_strings_free(&names);
    const lt_profile odd = { .name = "{a: \"b\"} # \\ %x 'c", .device = LT_BACKEND_CUDA, .capability = 12.1, .multiprocessors = 7, .memory = 12345678901, .usable = 3,
                             .f32 = 1.0 / 3, .tf32 = 1e-7, .f16 = 99999.5, .bandwidth = 0.1, .chip_source = "- yes: no, null", .usable_source = "~" };
    lt_profile without = odd;
    writes_and_reads(&odd, path);
    without.chip_source = without.usable_source = NULL;
    writes_and_reads(&without, path);
    unlink(path);
    assert_int_equal(lt_profile_write(&odd, "/proc/none/x.yaml"), LT_E_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_makes_sense),
        cmocka_unit_test(unknown_names_get_the_list_and_the_nearest),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(rates_follow_the_type),
        cmocka_unit_test(what_is_written_reads_back_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
