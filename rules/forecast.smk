# forecast: what would run now, for how long, on how much disk; and how wrong the last one was


localrules:
    forecast,


# Its environment needs Snakemake, which it asks for the jobs. Without output: it always runs, and
# what it keeps, results/<study>/forecast.json, is read by nothing else.
rule forecast:
    log:
        f"logs/{PLAN.study.study}/forecast.log",
    conda:
        "../envs/workflow.yaml"
    params:
        snakefile=lambda w: workflow.main_snakefile,
        files=lambda w: [str(file) for file in workflow.configfiles],
        config=lambda w: canonical(dict(workflow.config_settings.config)),
        slots=lambda w: asked_slots(),
    message:
        "what is still to do, and how long it would take"
    shell:
        'python "$MELABLATE_SCRIPTS"/make_forecast.py --snakefile {params.snakefile:q}'
        " --configfiles {params.files:q} --config {params.config:q} {params.slots}"
        " 2>&1 | tee {log:q}"
